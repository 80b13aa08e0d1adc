import { setUpTheme } from "./theme.js";

const theme = document.querySelector("#theme");
if (theme) setUpTheme(theme);

// Shows that the page is running, and for how long.
const clock = document.querySelector("#clock");
const began = Date.now();
if (clock) setInterval(() => {
  const seconds = Math.round((Date.now() - began) / 1000);
  clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}, 1000);
