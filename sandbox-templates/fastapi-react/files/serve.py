"""The built page and its API from one server: `npm run build`, then `npm start`."""

from pathlib import Path

from fastapi.staticfiles import StaticFiles

from api.main import app

app.mount("/", StaticFiles(directory=Path(__file__).with_name("dist"), html=True), name="page")
