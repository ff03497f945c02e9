-- Parts of an upload whose writers have not renewed their leases since ?3.
DELETE FROM file_part
WHERE account_id = ?1
  AND file_id = ?2
  AND state = 'writing'
  AND touched_at <= ?3
