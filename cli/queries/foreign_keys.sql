SELECT "table" AS child, "parent" FROM pragma_foreign_key_check LIMIT 1
