SELECT r.id, r.conversation_id, r.status, r.model_id, r.model, r.user_message_id, r.tip_message_id, r.message_id, r.request, r.lease_until, r.last_event,
  r.steps, r.input_tokens, r.output_tokens, r.approvals, r.failure, r.created_at, r.ended_at
FROM run AS r
JOIN conversation_life AS c ON c.account_id = r.account_id AND c.id = r.conversation_id
WHERE r.account_id = ?1
  AND r.id = ?2
  AND ?3 < c.ends_at
