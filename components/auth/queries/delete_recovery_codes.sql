DELETE FROM recovery_code
WHERE user_id = ?1
  AND EXISTS (SELECT 1 FROM totp AS t WHERE t.user_id = ?1 AND t.sealed_secret = ?2)
