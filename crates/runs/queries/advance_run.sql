-- ?5 says whether the model has said the message ?4. What was told up to the event ?6 stands in messages.
UPDATE run
SET tip_message_id = coalesce(?4, tip_message_id),
  message_id = iif(?5, coalesce(?4, message_id), message_id),
  told_event = ?6,
  steps = ?7,
  input_tokens = ?8,
  output_tokens = ?9,
  approvals = '[]',
  updated_at = max(updated_at, ?10)
WHERE account_id = ?1
  AND id = ?2
  AND status = 'running'
  AND producer = ?3
RETURNING cancel_requested
