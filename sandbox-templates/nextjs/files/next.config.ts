import type { NextConfig } from "next";

// The preview serves the app below a path; elsewhere there is none.
const basePath = (process.env.BASE_PATH ?? "").replace(/\/$/, "");

const config: NextConfig = {
  basePath,
  env: { NEXT_PUBLIC_BASE_PATH: basePath },
  // The first page is at the path with its slash.
  skipTrailingSlashRedirect: true,
  devIndicators: false,
  // Without it browsers keep to themselves where a script failed.
  crossOrigin: "anonymous",
  images: { unoptimized: true },
};

export default config;
