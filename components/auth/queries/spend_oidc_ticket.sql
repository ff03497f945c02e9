-- Only when the session of this sign-in exists: a code that was sent without the second factor may be sent again with it.
DELETE FROM oidc_ticket
WHERE code_hash = ?1
  AND EXISTS (SELECT 1 FROM session AS s WHERE s.account_id = ?2 AND s.id = ?3)
