SELECT kek_id, wrapped_dek, sealed
FROM secret
WHERE account_id = ?1 AND kind = ?2 AND id = ?3
