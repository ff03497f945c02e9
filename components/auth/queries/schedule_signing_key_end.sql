-- Keys before this generation end when the last token that they sign has ended.
UPDATE signing_key
SET retired_at = ?2
WHERE generation < ?1
  AND retired_at IS NULL
  AND EXISTS (SELECT 1 FROM signing_key AS n WHERE n.generation = ?1)
