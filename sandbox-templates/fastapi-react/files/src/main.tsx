import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import App from "./App";
import { ErrorBoundary } from "@/components/error-boundary";
import { ThemeProvider } from "@/components/theme-provider";
import "./index.css";
import "./touch.css";

createRoot(document.getElementById("root")!, {
  // What a boundary catches is an error all the same: those who listen for errors hear of it.
  onCaughtError: (error) => reportError(error),
}).render(
  <StrictMode>
    <ErrorBoundary>
      <ThemeProvider>
        <App />
      </ThemeProvider>
    </ErrorBoundary>
  </StrictMode>,
);
