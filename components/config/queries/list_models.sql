-- Those of ?1 and those of ?2, the newest first, from the place after ?3 on.
SELECT part.id, part.entry
FROM (
  SELECT m.id, m.entry FROM model_entry AS m WHERE m.account_id = ?1
  UNION ALL
  SELECT p.id, p.entry FROM model_entry AS p WHERE p.account_id = ?2
) AS part
WHERE ?3 IS NULL OR part.id < ?3
ORDER BY part.id DESC
LIMIT ?4
