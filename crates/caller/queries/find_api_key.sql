-- Everything that decides whether an API key counts, and for what, in one read: it is not over, its maker is active and still a member,
-- and the role is the maker's of this moment.
SELECT k.account_id, k.id, k.user_id, k.scopes, k.last_used_at, m.role
FROM api_key AS k
JOIN membership AS m ON m.account_id = k.account_id AND m.user_id = k.user_id
JOIN user AS u ON u.id = k.user_id
WHERE k.token_hash = ?1
  AND k.expires_at > ?2
  AND u.is_active = 1
