-- Marks conversations of the account that have ended by ?2, at most ?3.
UPDATE conversation
SET deleted_at = ?2
WHERE account_id = ?1
  AND deleted_at IS NULL
  AND id IN (
    SELECT timed.id
    FROM (
      SELECT c.id
      FROM conversation AS c
      WHERE c.account_id = ?1 AND c.deleted_at IS NULL AND c.lifetime_ms IS NOT NULL AND c.active_at + c.lifetime_ms <= ?2
      LIMIT ?3
    ) AS timed
    UNION
    SELECT quiet.id
    FROM (
      SELECT c.id
      FROM retention AS r
      CROSS JOIN conversation AS c ON c.account_id = r.account_id AND c.active_at <= ?2 - r.days * 86400000
      WHERE r.account_id = ?1 AND c.deleted_at IS NULL AND NOT (r.keep_pinned AND c.pinned)
      ORDER BY c.active_at
      LIMIT ?3
    ) AS quiet
    LIMIT ?3
  )
RETURNING id
