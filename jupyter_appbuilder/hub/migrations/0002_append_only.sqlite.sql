CREATE TRIGGER usage_kept BEFORE UPDATE ON usage BEGIN SELECT RAISE(ABORT, 'usage is only added to'); END;
CREATE TRIGGER usage_not_deleted BEFORE DELETE ON usage BEGIN SELECT RAISE(ABORT, 'usage is only added to'); END;
CREATE TRIGGER grants_kept BEFORE UPDATE ON grants BEGIN SELECT RAISE(ABORT, 'grants are only added to'); END;
CREATE TRIGGER grants_not_deleted BEFORE DELETE ON grants BEGIN SELECT RAISE(ABORT, 'grants are only added to'); END;
CREATE TRIGGER audit_kept BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
