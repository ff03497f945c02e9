DROP TRIGGER search_title_deleted;

DROP TRIGGER search_title_changed;

DROP TRIGGER search_title_left;

DROP TRIGGER search_title_created;

DROP TRIGGER search_message_deleted;

DROP TRIGGER search_message_appended;

DROP TABLE search_index;

DROP VIEW search_text;

DROP TABLE search_entry;
