-- When the second factor is taken from somebody whose password stands only beside it.
UPDATE user
SET must_change_password = 1
WHERE id = ?1
  AND password_needs_factor = 1
