-- The document of ?1, and the platform's (?2) below it.
SELECT
  coalesce((SELECT p.document FROM account_settings AS p WHERE p.account_id = ?2), '{}') AS below,
  coalesce((SELECT s.document FROM account_settings AS s WHERE s.account_id = ?1), '{}') AS own,
  coalesce((SELECT v.version FROM account_settings AS v WHERE v.account_id = ?1), 0) AS settings_version
