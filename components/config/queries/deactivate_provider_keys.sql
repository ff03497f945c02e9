-- All others for the provider ?3 at the origin ?4, which is NULL for its own host.
UPDATE provider_key
SET is_active = 0, version = version + 1, updated_at = max(updated_at, ?5)
WHERE account_id = ?1
  AND id <> ?2
  AND provider = ?3
  AND origin IS ?4
  AND is_active = 1
