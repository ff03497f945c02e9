-- Everything that decides whether an access token still counts, in one read: the session is neither over nor revoked, its person is
-- active and still a member, and the key that signed the token still verifies. Nothing of this is remembered between requests.
SELECT m.role, u.is_admin, u.must_change_password, k.public_key, coalesce(s.authenticated_at, s.created_at) AS authenticated_at
FROM session AS s
JOIN membership AS m ON m.account_id = s.account_id AND m.user_id = s.user_id
JOIN user AS u ON u.id = s.user_id
JOIN signing_key AS k ON k.kid = ?4
WHERE s.account_id = ?1
  AND s.id = ?2
  AND s.user_id = ?3
  AND s.revoked_at IS NULL
  AND s.expires_at > ?5
  AND u.is_active = 1
  AND (k.retired_at IS NULL OR k.retired_at > ?5)
