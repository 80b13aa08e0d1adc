import { readFileSync } from "node:fs";
import { createServer } from "node:http";

createServer((_, response) => {
  response.setHeader("Content-Type", "text/html");
  response.end(readFileSync("index.html"));
}).listen(Number(process.argv[2]), "127.0.0.1");
