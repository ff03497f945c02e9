-- What the words of ?2 are in, best first. ?3 is the newest entry that counts, so that pages of one search fit together; ?4 to ?7
-- filter: conversation, role, from, until. What has ended before ?15 is not there; what is temporary is found only by who looks into it.
-- The score is that of BM25 without what it takes from the whole index: how rare a word is over all accounts would tell one account about
-- the texts of another.
-- A word that is everywhere must not read everything: only the newest ?8 hits are scored. The words of a short text, up to 2 KiB, are marked
-- while the index is read: asking it again for each hit would cost many times what marking does, and highlight() copies all that it has
-- so far for each word that it marks. In a longer text only the first occurrence of ?14 is marked, the first thing looked for, in lower
-- case, and only as many hits count as have ?9 bytes of such texts before them.
WITH
  hit AS MATERIALIZED (
    SELECT e.id, e.conversation_id, e.seq, e.role, e.created_at, m.id AS message_id,
      CASE WHEN coalesce(m.wire_bytes, 0) <= 2048 THEN highlight(search_index, 1, char(2), char(3)) END AS marked,
      CASE WHEN m.wire_bytes <= 2048 THEN 0 ELSE coalesce(m.wire_bytes, 0) END AS cost
    FROM search_index
    CROSS JOIN search_entry AS e ON e.id = search_index.rowid AND e.account_id = ?1
    CROSS JOIN conversation_life AS c ON c.account_id = ?1 AND c.id = e.conversation_id
    LEFT JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = e.conversation_id AND m.seq = e.seq
    WHERE search_index MATCH ?2
      AND search_index.rowid <= ?3
      AND (?4 IS NULL OR e.conversation_id = ?4)
      AND (?5 IS NULL OR e.role = ?5)
      AND (?6 IS NULL OR e.created_at >= ?6)
      AND (?7 IS NULL OR e.created_at < ?7)
      AND (?4 IS NOT NULL OR c.lifetime_ms IS NULL)
      AND ?15 < c.ends_at
    ORDER BY search_index.rowid DESC
    LIMIT ?8
  ),
  affordable AS MATERIALIZED (
    SELECT hit.id, hit.conversation_id, hit.seq, hit.role, hit.created_at, hit.message_id, hit.marked,
      sum(hit.cost) OVER (ORDER BY hit.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS cost_before
    FROM hit
  ),
  readable AS MATERIALIZED (
    SELECT a.id, a.conversation_id, a.seq, a.role, a.created_at, a.message_id, a.marked, c.title,
      CASE WHEN a.marked IS NULL THEN (SELECT t.text FROM search_text AS t WHERE t.account_id = ?1 AND t.id = a.id) END AS text
    FROM affordable AS a
    JOIN conversation AS c ON c.account_id = ?1 AND c.id = a.conversation_id
    WHERE coalesce(a.cost_before, 0) < ?9
  ),
  marked AS MATERIALIZED (
    SELECT readable.id, readable.conversation_id, readable.seq, readable.role, readable.created_at, readable.message_id, readable.title,
      coalesce(
        readable.marked,
        substr(readable.text, 1, nullif(instr(lower(readable.text), ?14), 0) - 1)
          || char(2) || substr(readable.text, instr(lower(readable.text), ?14), length(?14)) || char(3)
          || substr(readable.text, instr(lower(readable.text), ?14) + length(?14)),
        readable.text
      ) AS text
    FROM readable
  ),
  scored AS (
    SELECT id, conversation_id, seq, role, created_at, message_id, title,
      substr(text, max(1, instr(text, char(2)) - ?12), ?13) AS excerpt,
      ?12 + 1 < instr(text, char(2)) AS is_cut_before,
      max(1, instr(text, char(2)) - ?12) + ?13 <= length(text) AS is_cut_after,
      2.2 * max(1, length(text) - length(replace(text, char(2), '')))
        / (max(1, length(text) - length(replace(text, char(2), ''))) + 1.2 * (0.25 + 0.75 * length(text) / 500.0)) AS score
    FROM marked
  )
SELECT id, conversation_id, seq, role, created_at, message_id, title, excerpt, is_cut_before, is_cut_after, score,
  (SELECT max(hit.id) FROM hit) AS newest
FROM scored
ORDER BY score DESC, id DESC
LIMIT ?10 OFFSET ?11
