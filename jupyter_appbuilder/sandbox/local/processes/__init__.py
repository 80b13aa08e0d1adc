"""The processes of local sandboxes: started, limited, watched, ended."""
