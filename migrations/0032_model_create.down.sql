DROP TRIGGER model_erases_answers;
DROP TRIGGER provider_key_erases_answers;
DROP VIEW provider_key_entry;
DROP VIEW model_entry;
DROP TABLE active_model;
DROP TRIGGER provider_key_leaves_models;
DROP TABLE model;
DROP TABLE provider_key;
