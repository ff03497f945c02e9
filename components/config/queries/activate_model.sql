-- The model ?3 of ?2 for ?1, in place of the one before. Changes no row when it is that already.
INSERT INTO active_model (account_id, model_account_id, model_id)
VALUES (?1, ?2, ?3)
ON CONFLICT (account_id) DO UPDATE
SET model_account_id = excluded.model_account_id, model_id = excluded.model_id
WHERE model_id <> excluded.model_id
RETURNING model_id
