ALTER TABLE bucket DROP COLUMN visibility;
