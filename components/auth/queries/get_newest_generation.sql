SELECT coalesce(max(generation), 0) AS generation
FROM signing_key
