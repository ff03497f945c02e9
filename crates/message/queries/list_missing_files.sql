-- Which of the files in ?2, a JSON array of ids, the account does not have.
SELECT DISTINCT entry.value AS id
FROM json_each(?2) AS entry
WHERE NOT EXISTS (SELECT 1 FROM file AS f WHERE f.account_id = ?1 AND f.id = entry.value AND f.state = 'complete')
