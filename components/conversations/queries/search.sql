-- What the words of ?2 are in, best first. ?3 is the newest entry that counts, so that pages of one search fit together; ?4 to ?7
-- filter: conversation, role, from, until. What has ended before ?15 is not there; what is temporary is found only by who looks into it.
-- The score is that of BM25 without what it takes from the whole index: how rare a word is over all accounts would tell one account about
-- the texts of another.
-- A word that is everywhere must not read everything: only the newest ?8 hits are scored, and of those as many as cost ?9. A text costs its
-- bytes; up to 8 KiB it costs sixteen times as much, because highlight() copies all that it has so far for each word that it marks.
-- In a longer one only the first occurrence of ?14 is marked, the first thing looked for, in lower case.
WITH
  hit AS MATERIALIZED (
    SELECT e.id, e.conversation_id, e.seq, e.role, e.created_at
    FROM search_index
    JOIN search_entry AS e ON e.id = search_index.rowid
    JOIN conversation_life AS c ON c.account_id = e.account_id AND c.id = e.conversation_id
    WHERE search_index MATCH ?2
      AND search_index.rowid <= ?3
      AND e.account_id = ?1
      AND (?4 IS NULL OR e.conversation_id = ?4)
      AND (?5 IS NULL OR e.role = ?5)
      AND (?6 IS NULL OR e.created_at >= ?6)
      AND (?7 IS NULL OR e.created_at < ?7)
      AND (?4 IS NOT NULL OR c.lifetime_ms IS NULL)
      AND ?15 < c.ends_at
    ORDER BY search_index.rowid DESC
    LIMIT ?8
  ),
  source AS MATERIALIZED (
    SELECT hit.id, hit.conversation_id, hit.seq, hit.role, hit.created_at, m.id AS message_id, c.title, coalesce(m.wire_bytes, 0) <= 8192 AS is_short,
      sum(CASE WHEN m.wire_bytes <= 8192 THEN 16 * m.wire_bytes ELSE coalesce(m.wire_bytes, 0) END)
        OVER (ORDER BY hit.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS cost_before
    FROM hit
    JOIN conversation AS c ON c.account_id = ?1 AND c.id = hit.conversation_id
    LEFT JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = hit.conversation_id AND m.seq = hit.seq
  ),
  marked AS MATERIALIZED (
    SELECT source.id, source.conversation_id, source.seq, source.role, source.created_at, source.message_id, source.title,
      CASE WHEN source.is_short
        THEN highlight(search_index, 1, char(2), char(3))
        ELSE coalesce(
          substr(search_index.text, 1, nullif(instr(lower(search_index.text), ?14), 0) - 1)
            || char(2) || substr(search_index.text, instr(lower(search_index.text), ?14), length(?14)) || char(3)
            || substr(search_index.text, instr(lower(search_index.text), ?14) + length(?14)),
          search_index.text
        )
      END AS text
    FROM source
    CROSS JOIN search_entry AS e ON e.id = source.id AND e.account_id = ?1
    CROSS JOIN search_index ON search_index.rowid = e.id
    WHERE coalesce(source.cost_before, 0) < ?9
      AND search_index MATCH ?2
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
