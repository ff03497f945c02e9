-- Models of the account ?1, and after them those of the platform ?2.
SELECT part.entry
FROM (
  SELECT 0 AS place, m.id, m.entry FROM model_entry AS m WHERE m.account_id = ?1
  UNION ALL
  SELECT 1 AS place, p.id, p.entry FROM model_entry AS p WHERE p.account_id = ?2
) AS part
ORDER BY part.place, part.id
LIMIT 1000
