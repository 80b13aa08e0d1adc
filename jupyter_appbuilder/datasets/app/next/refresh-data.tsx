// Written by App Builder with the data. It is written anew with it: change nothing here.
"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";

/** Shows nothing. What server components read is rendered anew when data is handed over again; the page's state stays. */
export function RefreshData(): null {
  const router = useRouter();
  useEffect(() => {
    const refresh = () => router.refresh();
    window.addEventListener("appbuilder:data", refresh);
    window.dispatchEvent(new Event("appbuilder:reads-data"));
    return () => window.removeEventListener("appbuilder:data", refresh);
  }, [router]);
  return null;
}
