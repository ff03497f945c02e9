-- The hashes come as an array of hexadecimal texts. Nothing is written when the enrolment was not.
INSERT INTO recovery_code (user_id, code_hash)
SELECT t.user_id, unhex(json_each.value)
FROM totp AS t, json_each(?3)
WHERE t.user_id = ?1
  AND t.sealed_secret = ?2
