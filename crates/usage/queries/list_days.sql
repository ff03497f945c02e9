-- A page of totals, the newest day first, after the one with ?4, ?5 and ?6. ?7 is a person or NULL, ?8 a model or NULL.
SELECT d.day, d.model, d.user_id, d.input_tokens, d.output_tokens, d.requests, d.cost_micros, d.unpriced_requests
FROM usage_day AS d
WHERE d.account_id = ?1
  AND d.day BETWEEN ?2 AND ?3
  AND (d.day, d.model, d.user_id) < (?4, ?5, ?6)
  AND (?7 IS NULL OR d.user_id = ?7)
  AND (?8 IS NULL OR d.model = ?8)
ORDER BY d.day DESC, d.model DESC, d.user_id DESC
LIMIT ?9
