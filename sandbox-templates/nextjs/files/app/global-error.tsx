"use client";

import { ErrorMessage } from "@/components/error-message";

import "./globals.css";
import "./touch.css";

/** Around the whole app: where the layout itself fails. */
export default function GlobalError(props: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <html lang="en">
      <body>
        <ErrorMessage {...props} />
      </body>
    </html>
  );
}
