import type { Metadata } from "next";
import type { ReactNode } from "react";

import { ThemeProvider, themeScript } from "@/components/theme-provider";

import "./globals.css";
import "./touch.css";

export const metadata: Metadata = {
  title: "New app",
  description: "A new app.",
  openGraph: { type: "website", title: "New app", description: "A new app." },
};

export default function RootLayout({ children }: Readonly<{ children: ReactNode }>) {
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        <script dangerouslySetInnerHTML={{ __html: themeScript }} />
      </head>
      <body>
        <ThemeProvider>{children}</ThemeProvider>
      </body>
    </html>
  );
}
