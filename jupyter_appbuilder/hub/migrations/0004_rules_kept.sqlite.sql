CREATE TRIGGER rules_kept BEFORE UPDATE ON rules BEGIN SELECT RAISE(ABORT, 'rules are only added to'); END;
CREATE TRIGGER rules_not_deleted BEFORE DELETE ON rules BEGIN SELECT RAISE(ABORT, 'rules are only added to'); END;
