CREATE FUNCTION appbuilder_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER usage_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON usage
    EXECUTE FUNCTION appbuilder_only_added_to();
CREATE TRIGGER grants_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON grants
    EXECUTE FUNCTION appbuilder_only_added_to();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    EXECUTE FUNCTION appbuilder_only_added_to();
