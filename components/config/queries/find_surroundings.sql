-- ?2 is the platform: its choice holds for accounts that have made none, and the primary model ?3 where it has made none either.
SELECT
  coalesce(
    (SELECT a.model_id FROM active_model AS a WHERE a.account_id = ?1),
    (SELECT p.model_id FROM active_model AS p WHERE p.account_id = ?2),
    ?3
  ) AS active_model_id,
  (SELECT json_group_array(json(k.entry)) FROM provider_key_entry AS k WHERE k.account_id = ?1) AS keys
