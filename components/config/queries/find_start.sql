-- Everything that a client of the account ?1 needs to begin, in one row. ?2 is the platform, ?3 the primary model.
SELECT a.name AS account_name, a.kind AS account_kind,
  coalesce(
    (SELECT x.model_id FROM active_model AS x WHERE x.account_id = ?1),
    (SELECT y.model_id FROM active_model AS y WHERE y.account_id = ?2),
    ?3
  ) AS active_model_id,
  (SELECT json_group_array(json(k.entry)) FROM provider_key_entry AS k WHERE k.account_id = ?1) AS keys,
  (
    SELECT json_group_array(json(part.entry))
    FROM (
      SELECT m.entry FROM model_entry AS m WHERE m.account_id = ?1
      UNION ALL
      SELECT p.entry FROM model_entry AS p WHERE p.account_id = ?2
    ) AS part
  ) AS models,
  (
    SELECT json_group_array(json(part.entry))
    FROM (
      SELECT s.entry FROM mcp_server_entry AS s WHERE s.account_id = ?1
      UNION ALL
      SELECT t.entry FROM mcp_server_entry AS t WHERE t.account_id = ?2
    ) AS part
  ) AS servers,
  coalesce((SELECT d.document FROM account_settings AS d WHERE d.account_id = ?2), '{}') AS below,
  coalesce((SELECT e.document FROM account_settings AS e WHERE e.account_id = ?1), '{}') AS own,
  coalesce((SELECT v.version FROM account_settings AS v WHERE v.account_id = ?1), 0) AS settings_version
FROM account AS a
WHERE a.id = ?1
