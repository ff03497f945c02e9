-- A run whose lease is over at ?5, by somebody who does nothing but end it.
UPDATE run
SET status = 'running', producer = ?3, lease_until = ?4, updated_at = max(updated_at, ?5)
WHERE account_id = ?1
  AND id = ?2
  AND status IN ('queued', 'running')
  AND lease_until <= ?5
RETURNING id, conversation_id, status, model_id, model, user_message_id, tip_message_id, message_id, request, lease_until, last_event, steps,
  input_tokens, output_tokens, approvals, failure, created_at, ended_at,
  coalesce(
    (
      SELECT group_concat(part.text, '')
      FROM (
        SELECT e.text
        FROM run_event AS e
        WHERE e.account_id = ?1 AND e.run_id = ?2 AND e.last_event > run.told_event
        ORDER BY e.last_event
      ) AS part
    ),
    ''
  ) AS untold
