-- A grant's allocation is its lot: `lots` says which entry made it (lot_id) and of how many points. The row that said
-- the same once more is gone; one that does not agree with its lot stays, for `verify` to tell. From this version on a
-- row of entry_lots with lot_id = seq is neither written nor read.

DELETE FROM entry_lots
WHERE lot_id = seq
  AND EXISTS (SELECT 1 FROM lots
              WHERE lots.bot_id = entry_lots.bot_id AND lots.client_id = entry_lots.client_id
                AND lots.lot_id = entry_lots.lot_id AND lots.points = entry_lots.points);
