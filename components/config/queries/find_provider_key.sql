SELECT k.id, k.provider, k.name, k.base_url, k.is_active, k.version, k.created_at, k.updated_at, k.last_used_at, s.last_four, s.kek_id
FROM provider_key AS k
JOIN secret AS s ON s.account_id = k.account_id AND s.id = k.id
WHERE k.account_id = ?1
  AND k.id = ?2
