-- The model ?3 of the account ?1 or of the platform ?2. Where ?3 is NULL the account's choice, else the platform's, else the primary model ?4.
-- With it the account's keys. entry is NULL when there is no such model. No row when the conversation ?5 is not there, where one is named.
WITH item (id) AS (
  SELECT coalesce(
    ?3,
    (SELECT a.model_id FROM active_model AS a WHERE a.account_id = ?1),
    (SELECT p.model_id FROM active_model AS p WHERE p.account_id = ?2),
    ?4
  )
)
SELECT item.id,
  coalesce(
    (SELECT m.entry FROM model_entry AS m WHERE m.account_id = ?1 AND m.id = item.id),
    (SELECT s.entry FROM model_entry AS s WHERE s.account_id = ?2 AND s.id = item.id)
  ) AS entry,
  (SELECT json_group_array(json(k.entry)) FROM provider_key_entry AS k WHERE k.account_id = ?1) AS keys
FROM item
WHERE ?5 IS NULL
  OR EXISTS (SELECT 1 FROM conversation_life AS c WHERE c.account_id = ?1 AND c.id = ?5 AND ?6 < c.ends_at)
