-- What is set for an account; a row with nothing where nothing is, and none without the account.
SELECT l.tokens, l.user_tokens, l.period
FROM account AS a
LEFT JOIN usage_limit AS l ON l.account_id = a.id
WHERE a.id = ?1
