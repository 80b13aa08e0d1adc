CREATE TRIGGER rules_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON rules
    EXECUTE FUNCTION appbuilder_only_added_to();
