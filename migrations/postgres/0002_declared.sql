ALTER TABLE "clients" ADD COLUMN "is_declared" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "groups" ADD COLUMN "is_declared" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "resources" ADD COLUMN "is_declared" boolean DEFAULT false NOT NULL;