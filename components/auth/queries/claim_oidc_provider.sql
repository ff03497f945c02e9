-- One of all who want to ask a provider now may: while nothing is known of it once in ?3 milliseconds, else once in ?4. A time to come is that
-- of a clock that was set back since.
INSERT INTO oidc_provider (issuer, attempted_at)
VALUES (?1, ?2)
ON CONFLICT (issuer) DO UPDATE
SET attempted_at = excluded.attempted_at
WHERE attempted_at > excluded.attempted_at
  OR attempted_at <= excluded.attempted_at - iif(fetched_at IS NULL, ?3, ?4)
RETURNING issuer
