-- Fails, and the batch with it, unless the key is in the version ?3: it would insert a row without a provider.
INSERT INTO provider_key (account_id, id, provider, name, is_active, created_at, updated_at)
SELECT ?1, ?2, NULL, '', 0, 0, 0
WHERE NOT EXISTS (SELECT 1 FROM provider_key AS k WHERE k.account_id = ?1 AND k.id = ?2 AND k.version = ?3)
