FROM node:20-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY schema /src/schema
COPY docs /src/docs
COPY web ./
RUN npm run build

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/dist web/dist
RUN CGO_ENABLED=0 go build -trimpath -o /pedigree ./cmd/pedigree && mkdir -m 0700 /empty

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /pedigree /usr/local/bin/pedigree
COPY --from=build --chown=nonroot:nonroot /empty /data
ENTRYPOINT ["/usr/local/bin/pedigree"]
CMD ["serve"]
