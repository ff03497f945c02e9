UPDATE run
SET status = ?5, message_id = coalesce(?4, message_id), tip_message_id = coalesce(?4, tip_message_id), told_event = last_event, steps = ?6,
  input_tokens = ?7, output_tokens = ?8, failure = ?9, approvals = '[]', producer = NULL, updated_at = max(updated_at, ?10), ended_at = ?10
WHERE account_id = ?1
  AND id = ?2
  AND status = 'running'
  AND producer = ?3
RETURNING id
