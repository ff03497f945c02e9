DROP TRIGGER memory_erases_answers;

DROP TRIGGER conversation_end_erases_answers;
DROP TRIGGER conversation_erases_answers;

DROP TABLE idempotency_key;
