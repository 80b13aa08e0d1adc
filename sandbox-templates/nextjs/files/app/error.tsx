"use client";

import { ErrorMessage } from "@/components/error-message";

/** Around each route. */
export default ErrorMessage;
