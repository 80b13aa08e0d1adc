import { createContext, use, useId, type ComponentProps } from "react";
import { Slot } from "radix-ui";
import {
  Controller,
  FormProvider,
  useFormContext,
  useFormState,
  type ControllerProps,
  type FieldPath,
  type FieldValues,
} from "react-hook-form";

import { Label } from "@/components/ui/label";
import { cn } from "@/lib/utils";

/** Give it what useForm() returned: <Form {...form}><form onSubmit={form.handleSubmit(save)}>…</form></Form>. */
const Form = FormProvider;

const FieldContext = createContext<{ name: string } | null>(null);
const ItemContext = createContext<{ id: string } | null>(null);

function FormField<Values extends FieldValues, Name extends FieldPath<Values>>(props: ControllerProps<Values, Name>) {
  return (
    <FieldContext value={{ name: props.name }}>
      <Controller {...props} />
    </FieldContext>
  );
}

function useFormField() {
  const field = use(FieldContext);
  const item = use(ItemContext);
  if (!field || !item) throw new Error("Form parts must be inside <FormField> and <FormItem>");
  const { getFieldState } = useFormContext();
  const state = getFieldState(field.name, useFormState({ name: field.name }));
  return { id: item.id, describedBy: `${item.id}-description`, messageId: `${item.id}-message`, ...state };
}

function FormItem({ className, ...props }: ComponentProps<"div">) {
  const id = useId();
  return (
    <ItemContext value={{ id }}>
      <div className={cn("grid gap-2", className)} {...props} />
    </ItemContext>
  );
}

function FormLabel({ className, ...props }: ComponentProps<typeof Label>) {
  const { id, error } = useFormField();
  return <Label htmlFor={id} className={cn(error && "text-destructive", className)} {...props} />;
}

/** Around the field itself: ties it to its label, its description and its error. */
function FormControl(props: ComponentProps<typeof Slot.Root>) {
  const { id, describedBy, messageId, error } = useFormField();
  return (
    <Slot.Root
      id={id}
      aria-describedby={error ? `${describedBy} ${messageId}` : describedBy}
      aria-invalid={Boolean(error)}
      {...props}
    />
  );
}

function FormDescription({ className, ...props }: ComponentProps<"p">) {
  const { describedBy } = useFormField();
  return <p id={describedBy} className={cn("text-sm text-muted-foreground", className)} {...props} />;
}

/** The field's error, or its children where there is none. */
function FormMessage({ className, children, ...props }: ComponentProps<"p">) {
  const { messageId, error } = useFormField();
  const said = error ? (error.message ?? "This is not valid.") : children;
  if (!said) return null;
  return (
    <p
      id={messageId}
      role={error ? "alert" : undefined}
      className={cn("text-sm text-destructive", className)}
      {...props}
    >
      {said}
    </p>
  );
}

export { Form, FormControl, FormDescription, FormField, FormItem, FormLabel, FormMessage };
